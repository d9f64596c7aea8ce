/** What the layout workers are told and what they answer. */
import type { Point } from "../model/scene";
import type { LayeredEdge } from "./layered";

export type Method = "layered" | "force" | "radial";

export interface LayoutRequest {
  /** Answers to older requests are dropped. */
  id: number;
  method: Method;
  nodes: { id: string; kind: string; size: number }[];
  edges: LayeredEdge[];
  starts: string[];
  ends: string[];
  centre: string | null;
  /** Where nodes stand already; the force layout starts from there. */
  positions: [string, Point][];
  /** Nodes that stay where they are while others settle. */
  fixed: string[];
}

export interface LayoutAnswer {
  id: number;
  positions: [string, Point][];
  done: boolean;
}
