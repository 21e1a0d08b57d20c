# bash completion for every catpipe program: the options come from the program itself.
_catpipe() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} program=${COMP_WORDS[0]} spec
	spec=$("$program" --spec 2>/dev/null) || return
	local choices
	choices=$(jq -r --arg o "$prev" '.options[]
		| select("--" + .name == $o or (.letter != null and "-" + .letter == $o))
		| .choices // [] | .[] | split("=")[0]' <<<"$spec" 2>/dev/null)
	if [ -n "$choices" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	elif [[ $prev == -c || $prev == --columns || $prev == --ra || $prev == --dec ]]; then
		# Column names of the first operand that is there.
		local w names
		for w in "${COMP_WORDS[@]:1}"; do
			[ -e "$w" ] || continue
			names=$(cat-scan -n 0 -f csv "$w" 2>/dev/null | head -1 | tr ',' ' ')
			break
		done
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(jq -r '.options[] | "--" + .name' <<<"$spec") --help --version" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -o filenames -F _catpipe "$(basename "${BASH_SOURCE[0]}" .bash)" 2>/dev/null
for _catpipe_program in cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen; do
	complete -o filenames -F _catpipe "$_catpipe_program"
done
unset _catpipe_program
