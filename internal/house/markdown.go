package house

import (
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Page is a page of documentation in Markdown, as far as its tests need it.
type Page struct {
	Path    string
	Blocks  []Block
	Links   []Link
	Anchors map[string]bool // what #NAME leads to
}

// Block is a block of code: fenced, or indented by four spaces.
type Block struct {
	Line    int    // of its first line of code, from 1
	Heading string // the nearest heading above
	Mark    string // the comment directly above, without <!-- and -->
	Lang    string // of a fence
	Text    string // without indentation, each line with its line feed
}

// Link is a link of a page to another file or place.
type Link struct {
	Line   int
	Target string
}

var (
	headingLine = regexp.MustCompile(`^(#{1,6}) +(.*?) *#*$`)
	inlineLink  = regexp.MustCompile(`\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)?)(?: +"[^"]*")?\)`)
	codeSpan    = regexp.MustCompile("`[^`]*`")
	markLine    = regexp.MustCompile(`^<!-- (.*) -->$`)
	anchorTag   = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
	linkText    = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// ReadPage reads a page. Paths of links stay as they are written.
func ReadPage(path string) (*Page, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &Page{Path: path, Anchors: map[string]bool{}}
	lines := strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	heading, blank, list := "", true, false
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		title := headingLine.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			i = p.fence(lines, i, heading)
		case blank && !list && strings.HasPrefix(line, "    ") && strings.TrimSpace(line) != "":
			i = p.indented(lines, i, heading)
		case title != nil:
			heading = title[2]
			p.anchor(heading)
		default:
			if text := strings.TrimLeft(line, " "); text != "" {
				// What is indented below an entry of a list is its text.
				list = strings.HasPrefix(text, "- ") || strings.HasPrefix(text, "* ") || list && text != line
			}
			for _, l := range inlineLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "`"), -1) {
				p.Links = append(p.Links, Link{Line: i + 1, Target: l[1]})
			}
			for _, a := range anchorTag.FindAllStringSubmatch(line, -1) {
				p.Anchors[a[1]] = true
			}
		}
		blank = title != nil || i < len(lines) && strings.TrimSpace(lines[i]) == ""
	}
	return p, nil
}

// fence reads the block that begins at line i and returns the line of its end.
func (p *Page) fence(lines []string, i int, heading string) int {
	indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
	b := Block{Line: i + 2, Heading: heading, Mark: mark(lines, i), Lang: strings.TrimLeft(strings.TrimSpace(lines[i]), "`")}
	for i++; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), "```"); i++ {
		b.Text += strings.TrimPrefix(lines[i], strings.Repeat(" ", indent)) + "\n"
	}
	p.Blocks = append(p.Blocks, b)
	return i
}

// indented reads the block that begins at line i and returns its last line.
func (p *Page) indented(lines []string, i int, heading string) int {
	b := Block{Line: i + 1, Heading: heading, Mark: mark(lines, i-1)}
	last := i
	for j := i; j < len(lines) && (strings.HasPrefix(lines[j], "    ") || strings.TrimSpace(lines[j]) == ""); j++ {
		if strings.TrimSpace(lines[j]) != "" {
			last = j
		}
	}
	for _, line := range lines[i : last+1] {
		b.Text += strings.TrimPrefix(line, "    ") + "\n"
	}
	p.Blocks = append(p.Blocks, b)
	return last
}

// mark is the comment that stands alone above line i.
func mark(lines []string, i int) string {
	if i < 1 {
		return ""
	}
	if found := markLine.FindStringSubmatch(lines[i-1]); found != nil {
		return found[1]
	}
	return ""
}

// anchor adds the anchor of a heading, as forges make them: lower case, without
// punctuation, with hyphens for spaces and a number where there is one already.
func (p *Page) anchor(heading string) {
	text := linkText.ReplaceAllString(heading, "$1")
	name := strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
	base := name
	for n := 1; p.Anchors[name]; n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	p.Anchors[name] = true
}
