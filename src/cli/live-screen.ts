// A terminal's second screen, drawn anew each time: what was there before is there again when it is left.
export interface Terminal { write: (text: string) => unknown, rows?: number, columns?: number }

export interface LiveScreen {
  /** As many lines and columns of it as there is room for. */
  draw: (text: string) => void
  leave: () => void
}

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html: alternate screen, cursor hidden; home, erase below.
const enter = '\x1b[?1049h\x1b[?25l'
const home = '\x1b[H'
const eraseLine = '\x1b[K'
const eraseBelow = '\x1b[J'
const restore = '\x1b[?25h\x1b[?1049l'

export function liveScreen (terminal: Terminal): LiveScreen {
  terminal.write(enter)
  return {
    draw (text) {
      const { rows = 24, columns = 80 } = terminal
      const lines = text.split('\n').slice(0, rows).map((line) => line.slice(0, columns))
      // Line by line over the old picture, without emptying the screen first: that would flicker.
      terminal.write(`${home}${lines.map((line) => eraseLine + line).join('\r\n')}${eraseBelow}`)
    },
    leave () { terminal.write(restore) }
  }
}
