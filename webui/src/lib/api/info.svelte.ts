import { api, ok } from './client';
import type { Info } from './types';

/** What the site says about itself; loaded once at the start and after set-up. */
class Site {
  info = $state.raw<Info | null>(null);
  failed = $state.raw<unknown>(null);

  get name(): string {
    return this.info?.name || 'SyncTV';
  }

  async load(): Promise<void> {
    try {
      this.info = await ok(api.GET('/public/info'));
      this.failed = null;
    } catch (error) {
      this.failed = error;
    }
  }
}

export const site = new Site();
