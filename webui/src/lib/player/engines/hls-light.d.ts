/** The light build comes without types; what it has is as in the full one. */
declare module 'hls.js/light' {
  export { default } from 'hls.js';
  export * from 'hls.js';
}
