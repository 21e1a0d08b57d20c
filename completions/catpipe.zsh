#compdef cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen
# zsh completion for every catpipe program: the options come from the program itself.
_catpipe() {
	local -a options
	options=(${(f)"$($words[1] --spec 2>/dev/null | jq -r '.options[] | "--\(.name):\(.help)"')"})
	if [[ $PREFIX == -* ]]; then
		_describe -o option options
	else
		_files
	fi
}
_catpipe "$@"
