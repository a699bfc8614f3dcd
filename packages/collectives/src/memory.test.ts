import { checkTransport } from '../../../test/check-transport.ts';
import { memoryBridge } from './memory.ts';

checkTransport('memory', async (size) => ({ ...memoryBridge(size), close: async () => {} }), { overtakes: false });
