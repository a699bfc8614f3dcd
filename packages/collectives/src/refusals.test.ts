import { checkRefusals } from '../../../test/check-refusals.ts';
import { memoryBridge } from './memory.ts';

checkRefusals('memory', async (size) => ({ ...memoryBridge(size), close: async () => {} }));
