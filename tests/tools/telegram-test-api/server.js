// The emulator of the Bot API on 127.0.0.1, at the port that is given. Says "ready" once it listens.
const TelegramServer = require('telegram-test-api');

const server = new TelegramServer({ port: Number(process.argv[2]), host: '127.0.0.1', storeTimeout: 3600 });
server.start().then(() => console.log('ready'), (error) => {
  console.error(error.message);
  process.exit(1);
});
