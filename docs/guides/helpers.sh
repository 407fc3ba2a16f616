# What the guides share. Read it in, in the folder of the server: . docs/guides/helpers.sh
API=${SIXPENCE_URL:-http://127.0.0.1:4040}/api/v1
WALLET=0x70997970C51812dc3A010C7d01b50e0d17dc79C8   # an account of the sandbox's chain: the payer's
TILL=0x90F79bf6EB2c4f870365E785982E1f101E93b906     # another: where the shop is paid

# get TOKEN PATH, post TOKEN PATH BODY: a call of the API, with a token or without ("").
get() { curl -s "$API$2" -H "authorization: Bearer $1"; }
post() {
  BODY=$3
  [ -n "$BODY" ] || BODY='{}'
  curl -s "$API$2" -H 'content-type: application/json' -H "authorization: Bearer $1" -d "$BODY"
}

# field NAME: one field of the JSON that it reads, such as authorization.token or payments[0].id
field() {
  case $1 in "["*) PART=$1 ;; *) PART=.$1 ;; esac
  node -pe "JSON.parse(fs.readFileSync(0, 'utf8'))$PART"
}

# new_payer: signs a payer up and in, and prints the token.
new_payer() {
  ME='{"type":"email-password","data":{"email":"payer-'$$-$RANDOM'@example.com","password":"correct horse battery"}}'
  post '' /auth/sign-up "$ME" >/dev/null
  post '' /auth/sign-in "$ME" | field authorization.token
}

# new_payee CODE: signs a payee in with the code of a context, and prints the token.
new_payee() {
  post '' /auth/sign-in '{"type":"resource","data":{"resource":"voucher::context::code::'"$1"'"}}' | field authorization.token
}

# send_payments: has the sandbox's wallet send the payments of the voucher that it reads, and prints the receipts.
send_payments() { node docs/guides/send-payments.js; }

# wait_until WHAT COMMAND: runs the command until it succeeds, and says what it waits for. It fails after a minute.
wait_until() {
  LAST=$(($(date +%s) + 60))
  ! eval "$2" || return 0
  echo "Waiting until $1 …" >&2
  until eval "$2"; do
    [ "$(date +%s)" -lt $LAST ] || { echo "Given up after a minute: it is not so that $1." >&2; return 1; }
    sleep 0.2
  done
}
