/**
 * Ten everyday wishes, none of them from a labelled set, and how an agent would go about them. The
 * first words of each were written before any result was seen; the others, where those had missed,
 * with results at hand.
 */

/** Words, or the page after the last one. */
export type Step = { query: string } | 'next page'

export type Task = {
  wish: string
  /** Each is tried when nothing that was shown before would do. */
  steps: Step[]
  /** The endpoints that would grant the wish, and what each of them is given. */
  ways: Record<string, Record<string, unknown>>
  /** What a reader should know of what is picked. */
  remark?: string
}

/** What some documents make an argument, because it belongs to the person who asks. */
const PERSONS_TOKEN = 'token-of-the-person'
/** A picture of one pixel. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const RECEIPT = { filename: 'receipt.png', content_type: 'image/png', base64: PICTURE }

const LUNCH = { channel: '#general', text: 'Lunch is ready.' }
const COMMITS = { owner: 'acme', repo: 'shop', per_page: 10 }
const RUNNING_LATE = 'The doctor is running late.'

export const TASKS: readonly Task[] = [
  {
    wish: "Tell my team in Slack's #general that lunch is ready",
    steps: [
      { query: "Tell my team in Slack's #general that lunch is ready" },
      { query: 'post a message to a Slack channel' },
    ],
    ways: {
      'slack.post-message': LUNCH,
      'slack-15-com-1-2-0.chat-post-message': LUNCH,
      'slack-web-api.chat-post-message': { ...LUNCH, token: PERSONS_TOKEN },
    },
  },
  {
    wish: 'How hot will it get in Lisbon at the weekend?',
    steps: [{ query: 'daily maximum temperature forecast for a place' }],
    ways: {
      'open-meteo.forecast': {
        ...{ latitude: 38.72, longitude: -9.14, daily: 'temperature_2m_max' },
        timezone: 'Europe/Lisbon',
      },
      'met-no.forecast': { lat: 38.72, lon: -9.14 },
    },
  },
  {
    wish: 'Who wrote the last ten changes of our code on GitHub?',
    steps: [
      { query: 'Who wrote the last ten changes of our code on GitHub?' },
      { query: 'list the commits of a GitHub repository' },
    ],
    ways: {
      'github.commits': COMMITS,
      'git-hub.get-repos-owner-repo-commits': { owner: 'acme', repo: 'shop' },
    },
  },
  {
    wish: 'We charged a customer twice: give the second 25 dollars back',
    steps: [{ query: "refund part of a charge to a customer's card" }],
    ways: {
      'stripe.post-charges-charge-refund': { charge: 'ch_2', amount: 2500, reason: 'duplicate' },
      'stripe.post-charges-charge-refunds': { charge: 'ch_2', amount: 2500, reason: 'duplicate' },
    },
  },
  {
    wish: 'Which podcasts talk about sourdough bread?',
    steps: [
      { query: 'Which podcasts talk about sourdough bread?' },
      { query: 'search podcasts by keyword' },
    ],
    ways: {
      'listen-api-podcast-search-directory.search': {
        ...{ q: 'sourdough bread', type: 'podcast' },
        'X-ListenAPI-Key': PERSONS_TOKEN,
      },
    },
    remark:
      "The document makes the provider's key an argument like any other. A seller who gives it as the listing's credential spares the buyer that.",
  },
  {
    wish: 'Put oat milk on our shopping list in Trello',
    steps: [{ query: 'create a card on a Trello list' }],
    ways: {
      'trello.add-lists-cards-by-id-list': {
        ...{ idList: '5f1a', name: 'Oat milk', token: PERSONS_TOKEN },
      },
      'trello.add-cards': { idList: '5f1a', name: 'Oat milk', token: PERSONS_TOKEN },
    },
  },
  {
    wish: 'Is the Northern line running well right now?',
    steps: [{ query: 'Is the Northern line running well right now?' }],
    ways: {
      'tfl.line-status': { ids: 'northern' },
      'tfl.mode-status': { modes: 'tube' },
    },
  },
  {
    wish: 'Text +44 7700 900123 that the doctor is running late',
    steps: [{ query: 'send a text message to a phone number' }],
    ways: {
      'twilio-api.create-message': {
        ...{ AccountSid: `AC${'0'.repeat(32)}`, From: '+447700900456', To: '+447700900123' },
        Body: RUNNING_LATE,
      },
      'call-fire.send-texts': { body: [{ phoneNumber: '447700900123', message: RUNNING_LATE }] },
    },
  },
  {
    wish: 'Here is a photo of my receipt: what does it say?',
    steps: [{ query: 'recognise the text in a photo of a receipt' }],
    ways: {
      'ocrapi.receipts-photo-to-csv': { imageFile: RECEIPT },
      'ocrapi.image-ocr-photo-recognize-receipt': { imageFile: RECEIPT },
    },
  },
  {
    wish: 'Make our intro video private on Vimeo',
    steps: [
      { query: 'Make our intro video private on Vimeo' },
      'next page',
      { query: 'change the privacy setting of a video' },
      'next page',
    ],
    ways: { 'vimeo.edit-video': { video_id: 76979871, privacy: { view: 'nobody' } } },
  },
]
