import { bytes } from './src/tokenizers/bytes.ts';
import { huggingface } from './src/tokenizers/huggingface.ts';
const bl = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const tok = huggingface({...bytes().toJSON(), pre_tokenizer: bl});
for (const n of [1000, 4000, 16000, 65536, 262144]) { const text = 'Call me Ishmael. '.repeat(n/17|0); tok.encode(text); const t=performance.now(); tok.encode(text); const d=performance.now()-t; console.log(n, d.toFixed(1),'ms', (n/d/1000).toFixed(3),'MB/s'); }
