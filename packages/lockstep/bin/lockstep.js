#!/usr/bin/env node
import { applyDriver } from '../setup/environment.mjs';
import { dropEchoedInterrupts } from '../setup/interrupts.mjs';

applyDriver();
dropEchoedInterrupts();
await import('../dist/main.js');
