/** Finds the known names in a story, longest first, whole words, whatever the case. Pure. */

export interface Name {
  text: string;
  id: string;
}

export interface Part {
  /** Offset in the story: its key. */
  at: number;
  text: string;
  id: string | null;
}

export function markNames(story: string, names: readonly Name[]): Part[] {
  const ids = new Map<string, string>();
  for (const { text, id } of names) if (text !== "" && !ids.has(text.toLowerCase())) ids.set(text.toLowerCase(), id);
  if (ids.size === 0) return [{ at: 0, text: story, id: null }];
  const escaped = [...ids.keys()]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\w.-])(?:${escaped.join("|")})(?![\\w-]|\\.\\w)`, "gi");
  const parts: Part[] = [];
  let from = 0;
  for (const match of story.matchAll(pattern)) {
    if (match.index > from) parts.push({ at: from, text: story.slice(from, match.index), id: null });
    parts.push({ at: match.index, text: match[0], id: ids.get(match[0].toLowerCase()) ?? null });
    from = match.index + match[0].length;
  }
  if (from < story.length) parts.push({ at: from, text: story.slice(from), id: null });
  return parts;
}
