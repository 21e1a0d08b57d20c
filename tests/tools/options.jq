# --spec to the generated parts of a manual page: @@HEAD, @@OPTIONS, @@EXAMPLES, @@EXIT.
def esc: gsub("\\\\"; "\\e") | gsub("(?m)^\\."; "\\&.") | gsub("-"; "\\-");
def flags: (if .letter then "\\fB\\-\(.letter)\\fR, " else "" end)
	+ "\\fB\\-\\-\(.name | esc)\\fR" + (if .arg then " \\fI\(.arg | esc)\\fR" else "" end);
def choices: if .choices then
	" One of " + ([.choices[] | select(contains("=") | not)] | join(", ") | esc) + "."
	+ ([.choices[] | select(contains("=")) | split("=") | "\(.[0]) is \(.[1])"] | if length > 0 then " (" + (join("; ") | esc) + ".)" else "" end)
	else "" end;
"@@HEAD",
".TH \(.name | ascii_upcase) 1 \"\" \"catpipe \(.version)\" \"catpipe\"",
".SH NAME",
"\(.name) \\- \(.brief | esc)",
".SH SYNOPSIS",
".B \(.name)",
"[\\fIOPTION\\fR...] \(.operands | esc)",
"@@OPTIONS",
".SH OPTIONS",
(.options | group_by(.group) as $g | [.[].group] | reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end)
	| .[] as $name | ($g[] | select(.[0].group == $name)) as $rows
	| (if $name then ".SS \($name)" else empty end),
	  ($rows[] | ".TP", flags, (.help | esc) + "." + choices
		+ (if .default then " Default: \(.default | esc)." else "" end))),
".SS Help",
".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR[\\fB=all\\fR]", "the usual options; with =all every one.",
".TP", "\\fB\\-\\-version\\fR, \\fB\\-\\-spec\\fR", "the version; the option table as JSON.",
"@@EXAMPLES",
".SH EXAMPLES",
".nf",
(.examples[] | esc),
".fi",
"@@EXIT",
".SH EXIT STATUS",
(.statuses[] | ".TP", "\\fB\(.status)\\fR", (.text | esc) + (if .retry == "same" then " (may succeed later)" elif .retry == "elsewhere" then " (may succeed on another host, or with more)" else "" end)),
".TP", "\\fB130\\fR, \\fB141\\fR, \\fB143\\fR", "ended by a signal: interrupted, reader gone, terminated"
