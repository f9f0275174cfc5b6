echo "now $1"
echo "on stderr" >&2
printf 'no newline at the end'
[ "$1" != during ]
