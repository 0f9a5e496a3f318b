/**
 * The only script: asks the wallet in the browser for an address and a signature, and sends the form
 * that its page already has. Everything else works without scripts.
 */
export const WALLET_SCRIPT = `
const form = document.querySelector('form[data-wallet]')
const note = form.querySelector('[role=status]')
const wallet = window.ethereum
if (!wallet) note.textContent = 'This browser has no wallet.'
form.querySelector('button').disabled = !wallet
form.addEventListener('submit', async (event) => {
  if (form.elements.signature.value) return
  event.preventDefault()
  try {
    const [address] = await wallet.request({ method: 'eth_requestAccounts' })
    const chain = Number(await wallet.request({ method: 'eth_chainId' }))
    const csrf = form.elements.csrf.value
    const body = new URLSearchParams({ csrf, address, chain })
    const answer = await window.fetch('/sign-in/wallet/challenge', { method: 'POST', body })
    const message = await answer.text()
    if (!answer.ok) throw new Error(message)
    const signature = await wallet.request({ method: 'personal_sign', params: [message, address] })
    form.elements.message.value = message
    form.elements.signature.value = signature
    form.submit()
  } catch (error) {
    note.textContent = error && error.message ? error.message : 'The wallet did not sign.'
  }
})
`.trimStart()
