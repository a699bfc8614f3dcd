// A hook for Node's module loader, for run files in a folder whose package.json does not say "type": "module", or that has
// none: tsx would take their TypeScript for CommonJS, which can neither import this package nor await at its top.
import type { ResolveHookContext, ResolveFnOutput } from 'node:module';

type Next = (specifier: string, context: ResolveHookContext) => Promise<ResolveFnOutput>;

export async function resolve(specifier: string, context: ResolveHookContext, next: Next): Promise<ResolveFnOutput> {
  const resolved = await next(specifier, context);
  const isTypeScript = /\.ts($|\?)/.test(resolved.url);
  return isTypeScript && resolved.format === 'commonjs' ? { ...resolved, format: 'module' } : resolved;
}
