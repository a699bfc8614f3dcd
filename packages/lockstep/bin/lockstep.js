#!/usr/bin/env node
import '../setup/stop-signals.mjs';
import '../setup/output.mjs';
import { applyDriver } from '../setup/environment.mjs';

applyDriver();
await import('../dist/main.js');
