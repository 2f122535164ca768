import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { site } from '$lib/api/info.svelte';
import { session } from '$lib/auth/session.svelte';
import { i18n } from '$lib/i18n/index.svelte';

void start();

/** Language first, because every word depends on it; account and site load while the shell shows. */
async function start(): Promise<void> {
  await i18n.start();
  const target = document.getElementById('app');
  if (target) mount(App, { target });
  await Promise.all([session.start(), site.load()]);
}
