/** What the text of the smart field may be: nothing yet, a link to ask the server about, or just words. */
export type Recognised = '' | 'link' | 'words';

export function recognise(text: string): Recognised {
  const value = text.trim();
  if (!value) return '';
  if (/^(BV[0-9A-Za-z]{10}|av\d+|ep\d+|ss\d+)$/i.test(value)) return 'link';
  try {
    const url = new URL(value);
    return /^(https?|rtmps?|rtsp|srt):$/.test(url.protocol) && url.hostname ? 'link' : 'words';
  } catch {
    return 'words';
  }
}
