// Package crdt holds the merge rule of a test session's document. It is written here and nowhere else.
//
// A session is a grow-only set of elements, a set of last-writer-wins registers and a set of counters:
//
//   - op "add", path "/elements/<key>": the element is in the document for ever. Adding it again with the same value
//     changes nothing; adding it with another value is a conflict and is refused (409), because one of the two would
//     have to vanish.
//   - op "set", path "/hot/<key>": the register holds the value of its greatest write. Writes are ordered by the sum
//     of their vector clock, then by the greatest node name in that clock, then by the value. A clock that dominates
//     another has the greater sum, so a later write always wins over one that it has seen; between concurrent writes
//     the order is arbitrary but the same everywhere. The loser was acknowledged and is legally superseded.
//   - op "increment", path "/counters/<key>": the whole number is added to the counter, which begins at 0. Additions
//     commute; each counts once, because a used idempotency key is answered before anything is merged.
//
// The session's vector clock is the entry-wise maximum of all clocks written. All merges are commutative and
// associative; those of elements, registers and clocks are idempotent too.
package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits of one write.
const (
	MaxChanges   = 100
	MaxNodes     = 5000
	MaxKeyLength = 200
	MaxClock     = int64(1) << 53
	MaxIncrement = int64(1_000_000)
)

// ErrConflict reports an element that exists with another value.
var ErrConflict = errors.New("the element exists with another value")

// Clock is a vector clock: node name to counter.
type Clock map[string]int64

// Change is one operation on one path.
type Change struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Write is what a client sends.
type Write struct {
	SessionID      string   `json:"session_id"`
	Changes        []Change `json:"changes"`
	Clock          Clock    `json:"vector_clock"`
	IdempotencyKey string   `json:"idempotency_key"`
}

// Stamp places a register's value in the total order of writes.
type Stamp struct {
	Sum   int64  `json:"sum"`
	Node  string `json:"node"`
	Value string `json:"value"`
}

// State is the part of a session that a write touches.
type State struct {
	Clock    Clock                      `json:"clock"`
	Elements map[string]json.RawMessage `json:"elements"`
	Stamps   map[string]Stamp           `json:"stamps"`
	Counters map[string]int64           `json:"counters"`
}

// Patch is what a merge changes: entries to be laid over the stored ones. Empty maps change nothing.
type Patch struct {
	Clock    Clock
	Elements map[string]json.RawMessage
	Hot      map[string]string
	Stamps   map[string]Stamp
	Counters map[string]int64
}

// Less tells whether a comes before b in the total order of writes.
func (a Stamp) Less(b Stamp) bool {
	if a.Sum != b.Sum {
		return a.Sum < b.Sum
	}
	if a.Node != b.Node {
		return a.Node < b.Node
	}
	return a.Value < b.Value
}

// Keys are the entries of a session that a write refers to.
type Keys struct{ Nodes, Elements, Registers, Counters []string }

// Keys returns what a checked write refers to.
func (w *Write) Keys() Keys {
	keys := Keys{}
	for node := range w.Clock {
		keys.Nodes = append(keys.Nodes, node)
	}
	for _, change := range w.Changes {
		switch change.Op {
		case "add":
			keys.Elements = append(keys.Elements, change.key())
		case "set":
			keys.Registers = append(keys.Registers, change.key())
		case "increment":
			keys.Counters = append(keys.Counters, change.key())
		}
	}
	return keys
}

// Check returns what is wrong with a write, or nil.
func (w *Write) Check() error {
	if w.IdempotencyKey == "" || len(w.IdempotencyKey) > MaxKeyLength {
		return fmt.Errorf("idempotency_key: 1 to %d characters expected", MaxKeyLength)
	}
	if len(w.Clock) < 1 || len(w.Clock) > MaxNodes {
		return fmt.Errorf("vector_clock: 1 to %d nodes expected", MaxNodes)
	}
	for node, count := range w.Clock {
		if !isName(node) || count < 0 || count > MaxClock {
			return errors.New("vector_clock: node names and counters from 0 to 2^53 expected")
		}
	}
	if len(w.Changes) < 1 || len(w.Changes) > MaxChanges {
		return fmt.Errorf("changes: 1 to %d expected", MaxChanges)
	}
	paths := map[string]bool{}
	for i, change := range w.Changes {
		if err := change.check(); err != nil {
			return fmt.Errorf("changes[%d]: %w", i, err)
		}
		if paths[change.Path] {
			return fmt.Errorf("changes[%d]: path: one change a path expected", i)
		}
		paths[change.Path] = true
	}
	return nil
}

func isName(text string) bool {
	return text != "" && len(text) <= MaxKeyLength && !strings.ContainsRune(text, 0)
}

func (c Change) key() string { return c.Path[strings.LastIndexByte(c.Path, '/')+1:] }

func (c Change) check() error {
	prefix := map[string]string{"add": "/elements/", "set": "/hot/", "increment": "/counters/"}[c.Op]
	if prefix == "" {
		return errors.New(`op: "add", "set" or "increment" expected`)
	}
	key, found := strings.CutPrefix(c.Path, prefix)
	if !found || !isName(key) || strings.ContainsAny(key, "/~") {
		return fmt.Errorf("path: %s<key> expected", prefix)
	}
	if c.Op == "add" && !bytes.HasPrefix(c.Value, []byte("{")) {
		return errors.New("value: an object expected")
	}
	if c.Op == "set" && !bytes.HasPrefix(c.Value, []byte(`"`)) {
		return errors.New("value: a string expected")
	}
	if _, whole := amount(c.Value); c.Op == "increment" && !whole {
		return fmt.Errorf("value: a whole number from -%d to %d expected", MaxIncrement, MaxIncrement)
	}
	if bytes.Contains(c.Value, []byte(`\u0000`)) {
		return errors.New("value: no null characters")
	}
	return nil
}

// amount returns the whole number of a value, and whether it is one within the limits.
func amount(value json.RawMessage) (int64, bool) {
	number, err := strconv.ParseInt(string(value), 10, 64)
	return number, err == nil && -MaxIncrement <= number && number <= MaxIncrement
}

// NewPatch returns a patch that changes nothing.
func NewPatch() *Patch {
	return &Patch{Clock{}, map[string]json.RawMessage{}, map[string]string{}, map[string]Stamp{}, map[string]int64{}}
}

// ChangesDocument tells whether the patch changes more than the clock.
func (p *Patch) ChangesDocument() bool { return len(p.Elements)+len(p.Hot)+len(p.Counters) > 0 }

// Merge adds to the patch what a checked write changes in the state it meets, which is the stored one under the patch.
// A write that conflicts adds nothing.
func (p *Patch) Merge(state State, write Write) error {
	for _, change := range write.Changes {
		held, known := p.element(state, change.key())
		if change.Op == "add" && known && !sameJSON(held, change.Value) {
			return fmt.Errorf("%s: %w", change.Path, ErrConflict)
		}
	}
	sum, top := int64(0), ""
	for node, count := range write.Clock {
		sum, top = sum+count, max(top, node)
		if held, known := p.counter(state, node); !known || count > held {
			p.Clock[node] = count
		}
	}
	for _, change := range write.Changes {
		p.apply(state, change, sum, top)
	}
	return nil
}

func (p *Patch) apply(state State, change Change, sum int64, top string) {
	key := change.key()
	switch change.Op {
	case "add":
		if _, known := p.element(state, key); !known {
			p.Elements[key] = change.Value
		}
	case "set":
		p.set(state, key, Stamp{sum, top, text(change.Value)})
	case "increment":
		more, _ := amount(change.Value)
		p.Counters[key] = p.total(state, key) + more
	}
}

func (p *Patch) total(state State, key string) int64 {
	if held, known := p.Counters[key]; known {
		return held
	}
	return state.Counters[key]
}

func (p *Patch) set(state State, key string, stamp Stamp) {
	held, known := p.Stamps[key]
	if !known {
		held, known = state.Stamps[key]
	}
	if !known || held.Less(stamp) {
		p.Stamps[key], p.Hot[key] = stamp, stamp.Value
	}
}

func (p *Patch) element(state State, key string) (json.RawMessage, bool) {
	if held, known := p.Elements[key]; known {
		return held, true
	}
	held, known := state.Elements[key]
	return held, known
}

func (p *Patch) counter(state State, node string) (int64, bool) {
	if held, known := p.Clock[node]; known {
		return held, true
	}
	held, known := state.Clock[node]
	return held, known
}

// text returns the string of a value that was checked to be one.
func text(value json.RawMessage) string {
	var text string
	_ = json.Unmarshal(value, &text)
	return text
}

func sameJSON(a, b json.RawMessage) bool {
	left, errLeft := Canonical(a)
	right, errRight := Canonical(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

// Canonical returns JSON with sorted keys and no spaces; numbers keep their text.
func Canonical(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}
