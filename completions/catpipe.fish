# fish completion for every catpipe program: the options come from the program itself, names of tables from cat-tables.
function __catpipe_options
    set -l program (commandline -opc)[1]
    $program --spec 2>/dev/null | jq -r '.options[] | "--\(.name)\t\(.help)", (if .letter then "-\(.letter)\t\(.help)" else empty end)'
end
function __catpipe_tables
    cat-tables list --json --offline 2>/dev/null | jq -r '.[] | "\(.name)\t\(.title // "")"'
end
# Column names of the first operand that is a table: a file, an address or a registered name.
function __catpipe_columns
    for w in (commandline -opc)[2..-1]
        string match -q -- '-*' $w; and continue
        set -l names (timeout 10 cat-info --json $w 2>/dev/null </dev/null | jq -r '.columns[].name' 2>/dev/null)
        if test -n "$names"
            printf '%s\n' $names
            return
        end
    end
end
function __catpipe_wants_columns
    string match -q -r -- '^(-c|--columns|--ra|--dec)$' (commandline -opc)[-1]
end
function __catpipe_verbs
    set -l program (commandline -opc)[1]
    $program --spec 2>/dev/null | jq -r '.operands | capture("^\\\\[(?<v>[a-z]+(\\\\|[a-z]+)+) ").v | split("|")[]' 2>/dev/null
end
for program in cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen cat-tables
    complete -c $program -a '(__catpipe_options)' -n 'string match -q -- "-*" (commandline -ct)'
    complete -c $program -f -a '(__catpipe_columns)' -n __catpipe_wants_columns
    complete -c $program -a '(__catpipe_tables)' -n 'not __catpipe_wants_columns'
end
complete -c cat-tables -f -a '(__catpipe_verbs)' -n 'test (count (commandline -opc)) = 1'
