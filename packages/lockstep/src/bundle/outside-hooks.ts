// A hook for Node's module loader, for bundles: what they leave outside is not looked up from where they lie. `lockstep` is the package that
// runs, of which a process has one; others are looked up from the run file's folder.
import type { ResolveFnOutput, ResolveHookContext } from 'node:module';

type Next = (specifier: string, context: ResolveHookContext) => Promise<ResolveFnOutput>;

const own = new URL('../index.js', import.meta.url).href;
let parent: string | undefined;

const isBuilt = (url = ''): boolean => /\/dist\//.test(url);

export function initialize(data: { readonly parent: string }): void {
  parent = data.parent;
}

export function resolve(specifier: string, context: ResolveHookContext, next: Next): Promise<ResolveFnOutput> {
  if (specifier === 'lockstep') return next(own, context);
  // Sources are for those who build them; a bundle runs with what is built.
  if (specifier.startsWith('@lockstep/') && isBuilt(context.parentURL))
    return next(specifier, { ...context, conditions: context.conditions.filter((one) => one !== '@lockstep/source') });
  const isBundled = /\/bundles\/[0-9a-f]{64}\/[^/]+\.mjs$/.test(context.parentURL ?? '');
  return isBundled && /^[^./]/.test(specifier) && !specifier.includes(':') && parent
    ? next(specifier, { ...context, parentURL: parent })
    : next(specifier, context);
}
