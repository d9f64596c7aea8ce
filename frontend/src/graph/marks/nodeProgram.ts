/**
 * sigma's program for nodes: a quad per node that reads the atlas. Fill and glyph by theme, one ring (gold Tier Zero, red
 * owned, dotted sensitive), a second ring for selection or for owned Tier Zero, a slash for disabled, hollow for stale.
 */
import type { Attributes } from "graphology-types";
import { NodeProgram, type NodeProgramType, type ProgramInfo } from "sigma/rendering";
import type { NodeDisplayData, RenderParams } from "sigma/types";
import { floatColor } from "sigma/utils";
import { type Atlas, BOX, RADIUS } from "./atlas";
import { type Palette, parts } from "./palette";

export const FLAG = { disabled: 1, stale: 2, dotted: 4 } as const;

/** What the reducer adds to sigma's own data. */
export interface NodeMark extends NodeDisplayData {
  cell: number;
  ring: string;
  outer: string;
  flags: number;
}

const VERTEX = /* glsl */ `
attribute vec2 a_corner;
attribute vec2 a_position;
attribute float a_size;
attribute float a_cell;
attribute float a_flags;
attribute vec4 a_color;
attribute vec4 a_ring;
attribute vec4 a_outer;
attribute vec4 a_id;
uniform mat3 u_matrix;
uniform vec2 u_view;
uniform float u_scale;
varying vec2 v_uv;
varying float v_cell;
varying float v_flags;
varying vec4 v_color;
varying vec4 v_ring;
varying vec4 v_outer;
varying vec4 v_id;
const float bias = 255.0 / 254.0;
void main() {
  vec2 clip = (u_matrix * vec3(a_position, 1.0)).xy;
  float half_side = a_size * u_scale * ${(BOX / RADIUS).toFixed(4)};
  gl_Position = vec4(clip + a_corner * half_side * 2.0 / u_view, 0.0, 1.0);
  v_uv = a_corner;
  v_cell = a_cell;
  v_flags = a_flags;
  v_color = a_color;
  v_ring = a_ring;
  v_outer = a_outer;
  v_id = a_id;
  v_color.a *= bias;
  v_ring.a *= bias;
  v_outer.a *= bias;
  v_id.a *= bias;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D u_atlas;
uniform float u_columns;
uniform vec3 u_glyph;
uniform vec3 u_surface;
varying vec2 v_uv;
varying float v_cell;
varying float v_flags;
varying vec4 v_color;
varying vec4 v_ring;
varying vec4 v_outer;
varying vec4 v_id;
vec3 cell_at(vec2 uv) {
  if (abs(uv.x) > 0.98 || abs(uv.y) > 0.98) return vec3(0.0);
  vec2 cell = vec2(mod(v_cell, u_columns), floor(v_cell / u_columns));
  vec2 inside = vec2(uv.x, -uv.y) * 0.5 + 0.5;
  return texture2D(u_atlas, (cell + inside) / u_columns).rgb;
}
vec4 over(vec4 below, vec3 color, float alpha) {
  return vec4(color * alpha, alpha) + below * (1.0 - alpha);
}
void main() {
  vec3 mask = cell_at(v_uv);
  #ifdef PICKING_MODE
  if (mask.r < 0.5) discard;
  gl_FragColor = v_id;
  #else
  float disabled = mod(v_flags, 2.0);
  float stale = mod(floor(v_flags / 2.0), 2.0);
  float dotted = mod(floor(v_flags / 4.0), 2.0);
  float inner = cell_at(v_uv * 1.16).r;
  float alpha = v_color.a;
  vec3 fill = mix(v_color.rgb, u_surface, stale * inner);
  vec3 ink = mix(u_glyph, v_color.rgb, stale);
  vec3 body = mix(fill, ink, mask.g);
  float slash = disabled * (1.0 - smoothstep(0.05, 0.08, abs(v_uv.x - v_uv.y)));
  body = mix(body, u_surface, slash * 0.9);
  vec4 color = over(vec4(0.0), body, mask.r * alpha);
  float dots = mix(1.0, step(0.5, fract(atan(v_uv.y, v_uv.x) * 2.2281692)), dotted);
  color = over(color, v_ring.rgb, mask.b * v_ring.a * dots);
  float outer = cell_at(v_uv / 1.2).b;
  color = over(color, v_outer.rgb, outer * v_outer.a);
  if (color.a < 0.01) discard;
  gl_FragColor = color;
  #endif
}`;

const UNIFORMS = ["u_matrix", "u_view", "u_scale", "u_atlas", "u_columns", "u_glyph", "u_surface"] as const;

/** A program class bound to an atlas and to the palette of the moment. */
export function nodeProgram(atlas: Atlas, palette: () => Palette): NodeProgramType {
  return class GlyphProgram extends NodeProgram<(typeof UNIFORMS)[number]> {
    texture: WebGLTexture | null = null;

    override getDefinition() {
      const { FLOAT, UNSIGNED_BYTE, TRIANGLES } = WebGLRenderingContext;
      return {
        VERTICES: 6,
        VERTEX_SHADER_SOURCE: VERTEX,
        FRAGMENT_SHADER_SOURCE: FRAGMENT,
        METHOD: TRIANGLES,
        UNIFORMS,
        ATTRIBUTES: [
          { name: "a_position", size: 2, type: FLOAT },
          { name: "a_size", size: 1, type: FLOAT },
          { name: "a_cell", size: 1, type: FLOAT },
          { name: "a_flags", size: 1, type: FLOAT },
          { name: "a_color", size: 4, type: UNSIGNED_BYTE, normalized: true },
          { name: "a_ring", size: 4, type: UNSIGNED_BYTE, normalized: true },
          { name: "a_outer", size: 4, type: UNSIGNED_BYTE, normalized: true },
          { name: "a_id", size: 4, type: UNSIGNED_BYTE, normalized: true },
        ],
        CONSTANT_ATTRIBUTES: [{ name: "a_corner", size: 2, type: FLOAT }],
        CONSTANT_DATA: [
          [-1, -1],
          [1, -1],
          [-1, 1],
          [-1, 1],
          [1, -1],
          [1, 1],
        ],
      };
    }

    override processVisibleItem(id: number, start: number, data: NodeDisplayData): void {
      const mark = data as NodeMark;
      const { array } = this;
      let at = start;
      array[at++] = data.x;
      array[at++] = data.y;
      array[at++] = data.size;
      array[at++] = mark.cell ?? 0;
      array[at++] = mark.flags ?? 0;
      array[at++] = floatColor(data.color);
      array[at++] = floatColor(mark.ring ?? "rgba(0,0,0,0)");
      array[at++] = floatColor(mark.outer ?? "rgba(0,0,0,0)");
      array[at] = id;
    }

    override setUniforms(params: RenderParams, info: ProgramInfo): void {
      const { gl, uniformLocations: u } = info;
      const colors = palette();
      this.bindTexture(gl);
      gl.uniformMatrix3fv(u.u_matrix ?? null, false, params.matrix);
      gl.uniform2f(u.u_view ?? null, params.width * params.pixelRatio, params.height * params.pixelRatio);
      gl.uniform1f(u.u_scale ?? null, params.pixelRatio / params.sizeRatio);
      gl.uniform1i(u.u_atlas ?? null, 0);
      gl.uniform1f(u.u_columns ?? null, atlas.columns);
      gl.uniform3f(u.u_glyph ?? null, ...parts(colors.nodeGlyph));
      gl.uniform3f(u.u_surface ?? null, ...parts(colors.page));
    }

    bindTexture(gl: WebGLRenderingContext | WebGL2RenderingContext): void {
      gl.activeTexture(gl.TEXTURE0);
      if (this.texture !== null) {
        gl.bindTexture(gl.TEXTURE_2D, this.texture);
        return;
      }
      this.texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, this.texture);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, atlas.image);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      gl.generateMipmap(gl.TEXTURE_2D);
    }

    override kill(): void {
      const { gl } = this.normalProgram;
      if (this.texture !== null) gl.deleteTexture(this.texture);
      this.texture = null;
      super.kill();
    }
  } as unknown as NodeProgramType<Attributes, Attributes, Attributes>;
}
