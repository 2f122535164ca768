/** Storage that may be refused (private windows, policies): reads give null, writes are lost quietly. */
function open(kind: 'local' | 'session'): Storage | null {
  try {
    return kind === 'local' ? localStorage : sessionStorage;
  } catch {
    return null;
  }
}

export function read<T>(kind: 'local' | 'session', key: string): T | null {
  try {
    const raw = open(kind)?.getItem(key);
    return raw ? (JSON.parse(raw) as T) : null;
  } catch {
    return null;
  }
}

export function write(kind: 'local' | 'session', key: string, value: unknown): void {
  try {
    if (value === null || value === undefined) open(kind)?.removeItem(key);
    else open(kind)?.setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused: nothing here is needed to work.
  }
}
