/**
 * sigma's program for edges: one quad per edge draws line, arrow and state. Observed is solid, possible is dashed, what
 * came has green edges, what went is struck; parallel edges keep their lanes.
 */
import type { Attributes } from "graphology-types";
import { EdgeProgram, type EdgeProgramType, type ProgramInfo } from "sigma/rendering";
import type { EdgeDisplayData, NodeDisplayData, RenderParams } from "sigma/types";
import { floatColor } from "sigma/utils";
import { type Palette, parts } from "./palette";

export const STYLE = { dashed: 1, came: 2, went: 4 } as const;

/** Pixels between two lanes. */
export const LANE = 9;

/** What the reducer adds to sigma's own data. */
export interface EdgeMark extends EdgeDisplayData {
  lane: number;
  style: number;
}

const VERTEX = /* glsl */ `
attribute vec2 a_corner;
attribute vec2 a_start;
attribute vec2 a_end;
attribute float a_start_size;
attribute float a_end_size;
attribute float a_thickness;
attribute float a_lane;
attribute float a_style;
attribute vec4 a_color;
attribute vec4 a_id;
uniform mat3 u_matrix;
uniform vec2 u_view;
uniform float u_scale;
uniform float u_pixel;
varying float v_along;
varying float v_across;
varying float v_length;
varying float v_thickness;
varying float v_style;
varying vec4 v_color;
varying vec4 v_id;
const float bias = 255.0 / 254.0;
void main() {
  vec2 start = (u_matrix * vec3(a_start, 1.0)).xy * 0.5 * u_view;
  vec2 end = (u_matrix * vec3(a_end, 1.0)).xy * 0.5 * u_view;
  vec2 span = end - start;
  float distance = length(span);
  vec2 along = span / max(distance, 0.001);
  vec2 across = vec2(-along.y, along.x);
  float from = a_start_size * u_scale + 1.0 * u_pixel;
  float to = a_end_size * u_scale + 3.0 * u_pixel;
  float len = max(distance - from - to, 0.0);
  float half_width = max(a_thickness * 0.5 + 3.0, 5.5) * u_pixel;
  vec2 place = start + across * a_lane * ${LANE.toFixed(1)} * u_pixel + along * (from + a_corner.x * len) + across * a_corner.y * half_width;
  gl_Position = vec4(place * 2.0 / u_view, 0.0, 1.0);
  v_along = a_corner.x * len / u_pixel;
  v_across = a_corner.y * half_width / u_pixel;
  v_length = len / u_pixel;
  v_thickness = a_thickness;
  v_style = a_style;
  v_color = a_color;
  v_color.a *= bias;
  v_id = a_id;
  v_id.a *= bias;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 u_came;
uniform float u_pixel;
varying float v_along;
varying float v_across;
varying float v_length;
varying float v_thickness;
varying float v_style;
varying vec4 v_color;
varying vec4 v_id;
void main() {
  #ifdef PICKING_MODE
  gl_FragColor = v_id;
  #else
  float dashed = mod(v_style, 2.0);
  float came = mod(floor(v_style / 2.0), 2.0);
  float went = mod(floor(v_style / 4.0), 2.0);
  float soft = 0.6 / u_pixel;
  float wide = abs(v_across);
  float half_line = v_thickness * 0.5;
  float head = 7.0 + v_thickness;
  float left = v_length - v_along;
  float shaft = (1.0 - smoothstep(half_line - soft, half_line + soft, wide)) * step(head - 1.0, left);
  float gap = mod(v_along, 9.0);
  shaft *= mix(1.0, smoothstep(0.0, 0.8, gap) - smoothstep(5.0, 5.8, gap), dashed);
  float half_head = (2.4 + v_thickness * 0.7) * left / head;
  float arrow = (1.0 - smoothstep(half_head - soft, half_head + soft, wide)) * step(left, head) * step(0.0, left);
  float body = max(shaft, arrow);
  float bar = went * (1.0 - smoothstep(0.6, 1.2, abs(v_along - v_length * 0.5 + v_across * 0.6)));
  body = max(body, bar);
  float rim = came * (1.0 - smoothstep(half_line + 1.6 - soft, half_line + 1.6 + soft, wide)) * step(head, left);
  float alpha = body * v_color.a;
  vec4 color = vec4(v_color.rgb * alpha, alpha);
  float under = rim * (1.0 - body) * v_color.a * 0.9;
  color += vec4(u_came * under, under);
  if (color.a < 0.01) discard;
  gl_FragColor = color;
  #endif
}`;

const UNIFORMS = ["u_matrix", "u_view", "u_scale", "u_pixel", "u_came"] as const;

/** A program class bound to the palette of the moment. */
export function edgeProgram(palette: () => Palette): EdgeProgramType {
  return class HopProgram extends EdgeProgram<(typeof UNIFORMS)[number]> {
    override getDefinition() {
      const { FLOAT, UNSIGNED_BYTE, TRIANGLES } = WebGLRenderingContext;
      return {
        VERTICES: 6,
        VERTEX_SHADER_SOURCE: VERTEX,
        FRAGMENT_SHADER_SOURCE: FRAGMENT,
        METHOD: TRIANGLES,
        UNIFORMS,
        ATTRIBUTES: [
          { name: "a_start", size: 2, type: FLOAT },
          { name: "a_end", size: 2, type: FLOAT },
          { name: "a_start_size", size: 1, type: FLOAT },
          { name: "a_end_size", size: 1, type: FLOAT },
          { name: "a_thickness", size: 1, type: FLOAT },
          { name: "a_lane", size: 1, type: FLOAT },
          { name: "a_style", size: 1, type: FLOAT },
          { name: "a_color", size: 4, type: UNSIGNED_BYTE, normalized: true },
          { name: "a_id", size: 4, type: UNSIGNED_BYTE, normalized: true },
        ],
        CONSTANT_ATTRIBUTES: [{ name: "a_corner", size: 2, type: FLOAT }],
        CONSTANT_DATA: [
          [0, -1],
          [1, -1],
          [0, 1],
          [0, 1],
          [1, -1],
          [1, 1],
        ],
      };
    }

    override processVisibleItem(
      id: number,
      start: number,
      source: NodeDisplayData,
      target: NodeDisplayData,
      data: EdgeDisplayData,
    ): void {
      const mark = data as EdgeMark;
      const { array } = this;
      let at = start;
      array[at++] = source.x;
      array[at++] = source.y;
      array[at++] = target.x;
      array[at++] = target.y;
      array[at++] = source.size;
      array[at++] = target.size;
      array[at++] = data.size;
      array[at++] = mark.lane ?? 0;
      array[at++] = mark.style ?? 0;
      array[at++] = floatColor(data.color);
      array[at] = id;
    }

    override setUniforms(params: RenderParams, info: ProgramInfo): void {
      const { gl, uniformLocations: u } = info;
      gl.uniformMatrix3fv(u.u_matrix ?? null, false, params.matrix);
      gl.uniform2f(u.u_view ?? null, params.width * params.pixelRatio, params.height * params.pixelRatio);
      gl.uniform1f(u.u_scale ?? null, params.pixelRatio / params.sizeRatio);
      gl.uniform1f(u.u_pixel ?? null, params.pixelRatio);
      gl.uniform3f(u.u_came ?? null, ...parts(palette().came));
    }
  } as unknown as EdgeProgramType<Attributes, Attributes, Attributes>;
}
