// How gradients are rounded where they meet and travel. Known to tensors and to collectives, which hold the same tree.

/**
 * How gradients travel, and therefore how every node of the tree is rounded, leaves included: a sum is then the same bits
 * whichever of its nodes have travelled. int8 has a scale per 32 neighbours, a power of two.
 */
export type WireFormat = 'f32' | 'bf16' | 'int8';
