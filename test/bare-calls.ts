// Values that a generated kernel passes from op to op as they are, so that a driver might contract across the two.

/** Calls of ops, and of what follows a product, whose value does not pass through integers. */
export function bareCalls(code: string): string[] {
  const ofFloats = new Set(Array.from(code.matchAll(/^fn (op_\w+)\([^)]*\) -> f32/gm), ([, name]) => name));
  const calls = Array.from(code.matchAll(/^ {2}let v\d+ = (?:(apart|halved)\()?(op_\w+)\(/gm));
  const bare = calls.filter(([, passage, name]) => ofFloats.has(name) && !passage).map(([line]) => line);
  const epilogues = Array.from(code.matchAll(/^ {2}.*= epilogue\((?!apart\(value\)).*/gm), ([line]) => line);
  return [...bare, ...epilogues];
}
