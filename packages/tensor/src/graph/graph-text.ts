// A recorded graph as lines of text that are the same wherever and whenever the same is computed: no numbers of nodes or memories, no order
// in which independent things were asked for, nothing that nobody reads.

/** What computes a tensor, or a part of memory as it is at some time. */
export interface GraphNode {
  /** What is done with the inputs, with all options, and the form of what comes out. */
  readonly text: string;
  readonly inputs: readonly GraphNode[];
  /** Numbers that the host wrote. */
  readonly data?: Uint8Array<ArrayBuffer> | undefined;
}

export interface GraphText {
  readonly lines: readonly string[];
  /** Numbers that the host wrote, in the order in which the lines name them. */
  readonly data: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Writes down what is wanted.
 * @param roots what is wanted, by name
 * @param cuts nodes that stand for themselves, under a name: what they are computed of is left out
 */
export function graphText(
  roots: readonly (readonly [name: string, node: GraphNode])[],
  cuts: ReadonlyMap<GraphNode, string> = new Map(),
): GraphText {
  const writer = new GraphWriter(cuts);
  for (const [name, node] of roots) writer.root(name, node);
  return writer;
}

class GraphWriter implements GraphText {
  readonly lines: string[] = [];
  readonly data: Uint8Array<ArrayBuffer>[] = [];
  readonly #cuts: ReadonlyMap<GraphNode, string>;
  readonly #places = new Map<GraphNode, number>();
  /** Places of equal lines: what is computed twice is one. */
  readonly #known = new Map<string, number>();

  constructor(cuts: ReadonlyMap<GraphNode, string>) {
    this.#cuts = cuts;
  }

  root(name: string, root: GraphNode): void {
    const open = [root];
    while (open.length > 0) {
      const node = open.at(-1)!;
      const missing = this.#inputsOf(node).filter((input) => !this.#places.has(input));
      if (missing.length > 0) open.push(...missing.toReversed());
      else this.#place(open.pop()!);
    }
    this.lines.push(`${name}: %${this.#places.get(root)!}`);
  }

  #inputsOf(node: GraphNode): readonly GraphNode[] {
    return this.#cuts.has(node) ? [] : node.inputs;
  }

  #place(node: GraphNode): void {
    if (this.#places.has(node)) return;
    const inputs = this.#inputsOf(node).map((input) => `%${this.#places.get(input)!}`);
    const text = this.#cuts.get(node) ?? node.text;
    const line = inputs.length > 0 ? `${text} (${inputs.join(', ')})` : text;
    const known = node.data ? undefined : this.#known.get(line);
    const place = known ?? this.#places.size;
    this.#places.set(node, place);
    if (known !== undefined) return;
    if (node.data) this.data.push(node.data);
    else this.#known.set(line, place);
    this.lines.push(`%${place} = ${line}`);
  }
}
