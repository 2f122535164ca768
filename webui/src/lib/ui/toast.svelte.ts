import type { IconName } from './icons';

/** Short notices at the bottom. Only for what is not visible anyway. */
export interface Toast {
  id: number;
  text: string;
  icon: IconName;
  tone: '' | 'ok' | 'bad';
  action?: { label: string; run: () => void };
}

let next = 1;
let list = $state<Toast[]>([]);

export const toasts = {
  get list(): Toast[] {
    return list;
  },
  show(text: string, options: Partial<Omit<Toast, 'id' | 'text'>> & { seconds?: number } = {}): void {
    const toast: Toast = {
      id: next++,
      text,
      icon: options.icon ?? 'info',
      tone: options.tone ?? '',
      action: options.action,
    };
    list = [...list.filter((other) => other.text !== text), toast].slice(-3);
    setTimeout(() => this.drop(toast.id), (options.seconds ?? (options.action ? 8 : 4)) * 1000);
  },
  good(text: string): void {
    this.show(text, { icon: 'check', tone: 'ok' });
  },
  bad(text: string): void {
    this.show(text, { icon: 'warn', tone: 'bad', seconds: 6 });
  },
  drop(id: number): void {
    list = list.filter((toast) => toast.id !== id);
  },
};
