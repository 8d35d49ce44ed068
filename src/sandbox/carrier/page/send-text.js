// A phone texts a service number.
/* global fetch */

/** @returns null when it went out, otherwise why not, in words for the person at the phone */
export async function sendText ({ from, to, text, mediaUrls = [] }) {
  try {
    const answer = await fetch('/sandbox/inbound', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ from, to, text, mediaUrls })
    })
    return answer.ok ? null : (await answer.json()).detail
  } catch {
    return 'The sandbox does not answer: is it still running?'
  }
}
