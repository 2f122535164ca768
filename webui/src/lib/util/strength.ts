/**
 * A rough guess at how hard a password is to guess: enough to steer, no promise.
 * The server alone decides what it takes (8..256, not common, not the name).
 */
export interface Strength {
  /** 0 too short, 1 weak, 2 fair, 3 strong, 4 very strong. */
  level: 0 | 1 | 2 | 3 | 4;
  hint: 'short' | 'common' | 'name' | 'weak' | 'fair' | 'strong' | 'best';
}

const common =
  /^(password|passw0rd|qwerty|qwertz|azerty|letmein|welcome|admin|administrator|root|iloveyou|synctv|abc123|monkey|dragon|football|baseball|master|login|secret)\W?\d{0,4}\W?$/i;

export function strength(password: string, name = ''): Strength {
  const chars = [...password];
  if (chars.length < 8) return { level: 0, hint: 'short' };
  if (name.length > 2 && password.toLowerCase().includes(name.toLowerCase()))
    return { level: 1, hint: 'name' };
  if (common.test(password)) return { level: 1, hint: 'common' };
  const bits = effective(chars) * Math.log2(alphabet(password));
  if (bits < 40) return { level: 1, hint: 'weak' };
  if (bits < 56) return { level: 2, hint: 'fair' };
  if (bits < 84) return { level: 3, hint: 'strong' };
  return { level: 4, hint: 'best' };
}

/** Length without repeats and runs: "aaaa" and "1234" count little. */
function effective(chars: string[]): number {
  let length = 0;
  for (let i = 0; i < chars.length; i++) {
    const step = i ? (chars[i]?.codePointAt(0) ?? 0) - (chars[i - 1]?.codePointAt(0) ?? 0) : 9;
    length += step === 0 || Math.abs(step) === 1 ? 0.3 : 1;
  }
  return Math.min(length, new Set(chars).size * 2);
}

function alphabet(password: string): number {
  let size = 0;
  if (/[a-z]/.test(password)) size += 26;
  if (/[A-Z]/.test(password)) size += 26;
  if (/\d/.test(password)) size += 10;
  if (/[^\p{L}\p{N}]/u.test(password)) size += 20;
  if (/[^\p{ASCII}]/u.test(password)) size += 100;
  return Math.max(size, 10);
}
