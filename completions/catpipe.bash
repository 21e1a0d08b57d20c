# bash completion for every catpipe program: the options come from the program itself, names of tables from cat-tables.

# Column names of the first operand that is a table: a file, an address or a registered name.
_catpipe_columns() {
	local w names
	for w in "$@"; do
		[[ $w == -* ]] && continue
		names=$(timeout 10 cat-info --json "$w" 2>/dev/null </dev/null | jq -r '.columns[].name' 2>/dev/null)
		[ -n "$names" ] && break
	done
	echo "$names"
}

_catpipe() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} program=${COMP_WORDS[0]} spec
	spec=$("$program" --spec 2>/dev/null) || return
	local choices verbs
	choices=$(jq -r --arg o "$prev" '.options[]
		| select("--" + .name == $o or (.letter != null and "-" + .letter == $o))
		| .choices // [] | .[] | split("=")[0]' <<<"$spec" 2>/dev/null)
	verbs=$(jq -r '.operands | capture("^\\[(?<v>[a-z]+(\\|[a-z]+)+) ").v | gsub("\\|"; " ")' <<<"$spec" 2>/dev/null)
	if [ -n "$choices" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	elif [[ $prev == -c || $prev == --columns || $prev == --ra || $prev == --dec ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_catpipe_columns "${COMP_WORDS[@]:1:COMP_CWORD-2}" "${COMP_WORDS[@]:COMP_CWORD+1}")" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(jq -r '.options[] | "--" + .name' <<<"$spec") --help --version" -- "$cur")
	elif [ -n "$verbs" ] && [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
	else
		mapfile -t COMPREPLY < <(
			compgen -W "$(cat-tables list --json --offline 2>/dev/null | jq -r '.[].name')" -- "$cur"
			compgen -f -- "$cur"
		)
	fi
}
complete -o filenames -F _catpipe "$(basename "${BASH_SOURCE[0]}" .bash)" 2>/dev/null
for _catpipe_program in cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen cat-tables; do
	complete -o filenames -F _catpipe "$_catpipe_program"
done
unset _catpipe_program
