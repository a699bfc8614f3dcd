// A hook for Node's module loader, for a run file that has no `lockstep` installed around it: it gets the one that runs.
import type { ResolveHookContext, ResolveFnOutput } from 'node:module';

type Next = (specifier: string, context: ResolveHookContext) => Promise<ResolveFnOutput>;

const own = new URL('./index.js', import.meta.url).href;

export function resolve(specifier: string, context: ResolveHookContext, next: Next): Promise<ResolveFnOutput> {
  return next(specifier === 'lockstep' ? own : specifier, context);
}
