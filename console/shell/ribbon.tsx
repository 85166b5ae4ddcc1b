/**
 * The ribbon that says which server this is, in its colour, where the configuration names one.
 */
import { signal } from "@preact/signals";

/** The server's environment. */
export interface Environment {
  readonly name: string;
  /** A colour as `#rrggbb`; empty for the usual one. */
  readonly colour: string;
}

/** The environment; null while it is not known or has no name. */
export const environment = signal<Environment | null>(null);

/** The ribbon; nothing where there is no environment. */
export function Ribbon() {
  if (environment.value === null) return <span class="no-ribbon" />;
  const { name, colour } = environment.value;
  const isColour = /^#[0-9a-f]{6}$/i.test(colour);
  const style = isColour ? { "--ribbon": colour, "--on-ribbon": textOn(colour) } : undefined;
  return <div class="ribbon" style={style}>{name}</div>;
}

/** White or black, whichever is easier to read on a colour (WCAG 2, relative luminance). */
export function textOn(colour: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
