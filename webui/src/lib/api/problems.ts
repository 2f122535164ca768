import { isKey, t } from '$lib/i18n/index.svelte';
import { ApiError } from './error';

/** One sentence for a failed call, in the language of the page: what happened and what to do. */
export function sentence(error: unknown): string {
  if (!(error instanceof ApiError)) return t('problem.unknown');
  if (error.slug === 'provider-failed') {
    const key = `problem.provider.${String(error.extra.class ?? '')}`;
    return isKey(key) ? t(key) : t('problem.provider-failed');
  }
  const key = `problem.${error.slug}`;
  if (isKey(key)) {
    return t(key, {
      seconds: error.retryAfter || 60,
      limit: String(error.extra.limit ?? ''),
      permission: String(error.extra.permission ?? ''),
    });
  }
  return error.title || error.message || t('problem.unknown');
}

/** Request id worth showing: only for what the reader can not repair alone. */
export function requestId(error: unknown): string {
  return error instanceof ApiError && (error.status >= 500 || error.status === 0) ? error.requestId : '';
}

/** Messages by field name: `body.password` becomes `password`. */
export function fieldErrors(error: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  if (!(error instanceof ApiError)) return out;
  for (const { location, message } of error.fields) {
    const name = (location ?? '').replace(/^body\.?/, '') || 'form';
    out[name] ??= message;
  }
  return out;
}
