//go:build linux

package difftest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"bee/image"
	"bee/runtime/kernel"
)

// The programs call_*.c make each system call themselves and print a line for
// each: NAME(LABEL) = RESULT, where RESULT is an error's name (EBADF) or
// anything else after a success. Lines that begin with a tab are the data that
// belong to the call above. Such a case proves a call when its native and bee
// forms print the same line for at least one success and one error, and
// beerun's own counters (--count-calls) show at least as many of both.

// callLine is such a line.
var callLine = regexp.MustCompile(`^([a-z_0-9]+)\((.*)\) = (.*)$`)

var errorResult = regexp.MustCompile(`^E[A-Z0-9]+$`)

// callResult is one line with its data.
type callResult struct {
	name, label string
	text        string // all lines
	failed      bool
}

// key is what a difference is known by.
func (r callResult) key() string { return r.name + "(" + r.label + ")" }

// parseCalls cuts a program's output at its call lines. What stands before
// the first one, and any line that is neither a call nor data, is a result
// without a name.
func parseCalls(out string) []callResult {
	var results []callResult
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "\t") && len(results) > 0 {
			results[len(results)-1].text += line
			continue
		}
		r := callResult{text: line}
		if m := callLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			r.name, r.label, r.failed = m[1], m[2], errorResult.MatchString(m[3])
		}
		results = append(results, r)
	}
	return results
}

// callCount is what beerun counted for one call.
type callCount struct{ ok, failed int }

// readCounts adds the counts of a file that beerun wrote (see
// kernel.Table.WriteCounts).
func readCounts(path string, into map[string]callCount) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var nr, ok, failed int
		var name string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s %d %d", &nr, &name, &ok, &failed); err != nil {
			return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		c := into[name]
		into[name] = callCount{c.ok + ok, c.failed + failed}
	}
	return lines.Err()
}

// callCase is what the harness needs to judge a case of call_*.c in one width.
type callCase struct {
	support map[string]kernel.Support
	known   map[string]string // reason by callResult.key
	counts  map[string]callCount
	// same are the results that both forms had; set by judge.
	same []callResult
}

func supportOf(a Arch) map[string]kernel.Support {
	arch := image.AMD64
	if a == I386 {
		arch = image.I386
	}
	support := map[string]kernel.Support{}
	for _, e := range kernel.NewTable(arch).Entries() {
		support[e.Name()] = e.Support()
	}
	return support
}

// diff tells how the results of two forms differ, or nothing: all but those of
// calls that the table says answer ENOSYS, and those that are known to differ.
func (c *callCase) diff(want, got string) string {
	var b strings.Builder
	w, g := c.compared(want), c.compared(got)
	for i := 0; i < len(w) || i < len(g); {
		switch {
		case i < len(w) && i < len(g) && w[i].text == g[i].text:
			i++
			continue
		case i < len(w) && i < len(g) && w[i].key() == g[i].key():
			fmt.Fprintf(&b, "\n-%s+%s", w[i].text, g[i].text)
			i++
			continue
		}
		// From here on the two are out of step.
		var wantRest, gotRest strings.Builder
		for _, r := range w[min(i, len(w)):] {
			wantRest.WriteString(r.text)
		}
		for _, r := range g[min(i, len(g)):] {
			gotRest.WriteString(r.text)
		}
		b.WriteString("\n" + diffLines(wantRest.String(), gotRest.String()))
		break
	}
	return b.String()
}

// compared is the results that are to be equal.
func (c *callCase) compared(out string) []callResult {
	return slices.DeleteFunc(parseCalls(out), c.dropped)
}

// dropped says whether a result is not to be compared.
func (c *callCase) dropped(r callResult) bool {
	if other, _, found := strings.Cut(r.label, ":"); found {
		if s, call := c.support[other]; call && s == kernel.None {
			return true
		}
	}
	return r.name != "" && (c.support[r.name] == kernel.None || c.known[r.key()] != "")
}

// judge notes which results both forms had, and tells what is wrong with the
// list of known differences and the counters.
func (c *callCase) judge(want, got string) (problems []string) {
	count := map[string]int{}
	theirs, ours := map[string]string{}, map[string]string{}
	for _, r := range parseCalls(got) {
		count[r.text]++
		ours[r.key()] += r.text
	}
	printed := map[string]callCount{}
	for _, r := range parseCalls(want) {
		if r.name == "" {
			continue
		}
		theirs[r.key()] += r.text
		if c.dropped(r) || count[r.text] == 0 {
			continue
		}
		count[r.text]--
		c.same = append(c.same, r)
		n := printed[r.name]
		if r.failed {
			n.failed++
		} else {
			n.ok++
		}
		printed[r.name] = n
	}
	for key, reason := range c.known {
		switch {
		case theirs[key] == "":
			problems = append(problems, fmt.Sprintf("no line %q, which is known to differ: %s", key, reason))
		case theirs[key] == ours[key] && c.support[key[:strings.IndexByte(key, '(')]] != kernel.None:
			problems = append(problems, fmt.Sprintf("%s differs no longer: remove it from the list (%s)", key, reason))
		}
	}
	for name, n := range printed {
		if k := c.counts[name]; k.ok < n.ok || k.failed < n.failed {
			problems = append(problems, fmt.Sprintf("%s: the program tells of %d successes and %d errors, beerun counted %d and %d", name, n.ok, n.failed, k.ok, k.failed))
		}
	}
	sort.Strings(problems)
	return problems
}

// proofs collects which case proves which call, by width.
type proofs struct {
	mu sync.Mutex
	of map[Arch]map[string]callProof
}

// callProof is a case that executes a call.
type callProof struct {
	test       string
	ok, failed bool
}

// add notes what a case proves. Where several cases make a call, the first by
// name of those that prove the most is its test.
func (p *proofs) add(a Arch, test string, same []callResult) {
	here := map[string]callProof{}
	for _, r := range same {
		n := here[r.name]
		here[r.name] = callProof{test, n.ok || !r.failed, n.failed || r.failed}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[a] == nil {
		p.of[a] = map[string]callProof{}
	}
	for name, n := range here {
		old, found := p.of[a][name]
		if !found || n.rank() > old.rank() || n.rank() == old.rank() && n.test < old.test {
			p.of[a][name] = n
		}
	}
}

func (p callProof) rank() int {
	n := 0
	if p.ok {
		n++
	}
	if p.failed {
		n++
	}
	return n
}

// lines is the list of proven calls, as testdata/calls keeps it: NAME TEST
// and, for a call that has only one kind of result, the reason. missing tells
// of the calls that the table promises and no case proves, but for those of
// which unproven says why.
func (p *proofs) lines(a Arch, oneSided, unproven map[string]string) (text string, missing []string) {
	var lines []string
	for name, support := range supportOf(a) {
		if support == kernel.None || unproven[name] != "" {
			continue
		}
		proof, found := p.of[a][name]
		reason := oneSided[name]
		switch {
		case !found:
			missing = append(missing, name+": no test makes it")
		case proof.rank() == 2:
			lines = append(lines, name+" "+proof.test+"\n")
		case reason != "":
			lines = append(lines, name+" "+proof.test+" "+reason+"\n")
		case proof.ok:
			missing = append(missing, name+": "+proof.test+" compares no error")
		default:
			missing = append(missing, name+": "+proof.test+" compares no success")
		}
	}
	sort.Strings(lines)
	sort.Strings(missing)
	return strings.Join(lines, ""), missing
}

// callList is the checked-in list of a width; `beegen compat` reads it too.
func callList(root string, a Arch) string {
	name := map[Arch]string{I386: "386.txt", AMD64: "amd64.txt"}[a]
	return filepath.Join(root, "testdata/calls", name)
}
