import { checkWire } from './check-wire.ts';

checkWire({ effort: 50 });
