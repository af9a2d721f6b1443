/** Changes to a bound project before it is printed. */
import { define } from '../../load/bind.ts';
import type { Json } from '../../load/binding.ts';

/** Every `$` doubled: what is printed is a Compose file again, and must not be interpolated a second time. */
export function escapeDollars<J extends Json>(value: J): J {
  return escaped(value) as J;
}

function escaped(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(escaped);
  const made: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value)) define(made, key, escaped(inner));
  return made;
}
