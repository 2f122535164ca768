/** Pages of the player's settings. */
export type MenuPage = 'root' | 'subtitles' | 'quality' | 'source' | 'audio' | 'rate' | 'delay';
