// All ops in the families of kernels that the adapter does not choose by itself.
import { expect, test } from 'vitest';
import { checked } from './check-op.ts';
import './every-op-check.ts';

test('no op is left out', () => expect(checked.size).toBeGreaterThan(100));
