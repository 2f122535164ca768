import createClient from 'openapi-fetch';
import { session } from '$lib/auth/session.svelte';
import { ApiError } from './error';
import type { paths } from './schema';

/**
 * The typed client. Every request goes through `send`: it adds the bearer,
 * refreshes once when the token has run out, and turns a lost network into a
 * problem like any other.
 */
export const api = createClient<paths>({ baseUrl: '/api/v1', fetch: send, pathSerializer: fillPath });

/** Guests have ids with a colon, which a path may hold as it is. */
function fillPath(path: string, params: Record<string, unknown>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(params[name])).replaceAll('%3A', ':'),
  );
}

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const token = await session.bearer();
  const response = await attempt(request, token);
  if (response.status !== 401 || !token || !(await expired(response))) return response;
  const fresh = await session.refreshed(token);
  return fresh ? attempt(again, fresh) : response;
}

async function attempt(request: Request, token: string | null): Promise<Response> {
  if (token) request.headers.set('Authorization', `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw new ApiError(0, { detail: String(cause) });
  }
}

async function expired(response: Response): Promise<boolean> {
  const problem = (await response
    .clone()
    .json()
    .catch(() => null)) as { type?: string } | null;
  return /(token-expired|unauthenticated|session-revoked)$/.test(problem?.type ?? '');
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of a call, or an ApiError. */
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw new ApiError(response.status, error, response);
  return data as T;
}
