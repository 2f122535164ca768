import { isKey, t } from '$lib/i18n/index.svelte';

/** Where a media comes from, in words: "Link", "Library, Films". */
export function origin(media: { provider: string; instance: string | null }): string {
  const key = `provider.${media.provider}`;
  const name = isKey(key) ? t(key) : media.provider;
  return media.instance ? `${name}, ${media.instance}` : name;
}
