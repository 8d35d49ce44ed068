// How pg makes a parameter of a statement from any value; its types leave it out.
declare module 'pg/lib/utils' {
  const utils: { prepareValue: (value: unknown) => Buffer | string | null }
  export default utils
}
