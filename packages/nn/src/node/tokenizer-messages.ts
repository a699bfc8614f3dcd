// What is said between the process that tokenises and the one that asks it to.

export type Question =
  | {
      readonly kind: 'open';
      /** The content of the tokenizer.json. */
      readonly plain: string;
      /** The same with an unknown token, where it has none. */
      readonly strict: string | undefined;
      /** The content of that token. */
      readonly unknown: string;
      /** The contents of added tokens. */
      readonly added: readonly string[];
    }
  | { readonly kind: 'encode'; readonly text: string; readonly drop: boolean }
  | { readonly kind: 'decode'; readonly ids: Uint32Array };

export type Answer =
  | { readonly vocabSize: number }
  | { readonly ids: Uint32Array }
  /** Where the first thing begins and ends that has no token, in code points. */
  | { readonly unknown: readonly [number, number] }
  | { readonly text: string }
  | { readonly error: 'refused'; readonly message: string }
  | { readonly error: 'memory' };
