/**
 * The atlas: one cell per node kind with three masks in its colour channels (red the shape, green the glyph, blue the
 * ring around), so that the shader colours them for theme and state. Drawn once per set of kinds.
 */
import { glyphOf, SHAPES, shapeOf } from "./glyphs";

/** Pixels of one cell: four times the largest node at rest. */
const CELL = 128;
/** Half the side of the drawing box of a cell, in the units of `glyphs.ts`. */
export const BOX = 22;
/** The radius that a node's size means, in the same units. */
export const RADIUS = 12;

export interface Atlas {
  image: HTMLCanvasElement;
  /** Cells in a row. */
  columns: number;
  cellOf: (kind: string) => number;
}

export function drawAtlas(kinds: readonly string[]): Atlas {
  const columns = Math.max(1, Math.ceil(Math.sqrt(kinds.length)));
  const side = powerOfTwo(columns * CELL);
  const image = document.createElement("canvas");
  image.width = side;
  image.height = side;
  const context = image.getContext("2d");
  const index = new Map(kinds.map((kind, at) => [kind, at]));
  const across = Math.floor(side / CELL);
  if (context !== null) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    context.globalCompositeOperation = "lighter";
    for (const [at, kind] of kinds.entries())
      drawCell(context, kind, (at % across) * CELL, Math.floor(at / across) * CELL);
  }
  return { image, columns: across, cellOf: (kind) => index.get(kind) ?? 0 };
}

function drawCell(context: CanvasRenderingContext2D, kind: string, left: number, top: number): void {
  const scale = CELL / (2 * BOX);
  const shape = new Path2D(SHAPES[shapeOf(kind)]);
  context.save();
  context.beginPath();
  context.rect(left, top, CELL, CELL);
  context.clip();
  context.translate(left + CELL / 2, top + CELL / 2);
  context.scale(scale, scale);
  context.lineJoin = "round";
  context.lineCap = "round";
  context.fillStyle = "#f00";
  context.fill(shape);
  context.strokeStyle = "#0f0";
  context.lineWidth = 1.9;
  context.stroke(new Path2D(glyphOf(kind)));
  context.scale(1.24, 1.24);
  context.strokeStyle = "#00f";
  context.lineWidth = 2.1;
  context.stroke(shape);
  context.restore();
}

function powerOfTwo(size: number): number {
  let side = 1;
  while (side < size) side *= 2;
  return side;
}
