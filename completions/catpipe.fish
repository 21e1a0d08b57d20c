# fish completion for every catpipe program: the options come from the program itself.
function __catpipe_options
    set -l program (commandline -opc)[1]
    $program --spec 2>/dev/null | jq -r '.options[] | "--\(.name)\t\(.help)", (if .letter then "-\(.letter)\t\(.help)" else empty end)'
end
for program in cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen
    complete -c $program -a '(__catpipe_options)' -n 'string match -q -- "-*" (commandline -ct)'
end
