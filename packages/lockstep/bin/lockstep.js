#!/usr/bin/env node
import { applyDriver } from '../setup/environment.mjs';

applyDriver();
await import('../dist/main.js');
