package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/filter"
)

const defaultPageSize = 100

var errOtherList = errors.New("the token belongs to another list")

// listRequest is what every request for a page has.
type listRequest interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// filteredRequest is one that limits and orders, too.
type filteredRequest interface {
	GetFilter() string
	GetOrderBy() string
}

// list is which page of which list is asked for. Servers look for one row more than
// its size, which tells whether there is a next page.
type list[Last ~string] struct {
	// last is that of the page before, empty for the first page.
	last        Last
	size        int
	oldestFirst bool
	filter      filter.Expr
	// asked is everything else that was asked for. It tells lists apart: a token leads
	// only through the one that gave it.
	asked []byte
}

// listOf reads a request for a page. The fields are those that a filter may name; parse
// checks the last row of the page before.
func listOf[Last ~string](req listRequest, fields fields, parse func(string) (Last, error)) (l list[Last], err error) {
	var problems lifecycle.Violations
	l.size = pageSize(req.GetPageSize())
	if f, ok := req.(filteredRequest); ok {
		l.filter = readFilter(&problems, f.GetFilter(), fields)
		l.oldestFirst = readOrder(&problems, f.GetOrderBy())
	}
	if l.asked, err = whatIsListed(req); err != nil {
		return l, err
	}
	if l.last, err = l.read(req.GetPageToken(), parse); err != nil {
		problems.Add("page_token", "is not one that this list returned")
	}
	return l, problems.Err()
}

// whatIsListed is a request without what says which page of it is wanted.
func whatIsListed(req listRequest) ([]byte, error) {
	m := proto.Clone(req).ProtoReflect()
	for _, name := range []protoreflect.Name{"page_size", "page_token"} {
		m.Clear(m.Descriptor().Fields().ByName(name))
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
	if err != nil {
		return nil, fmt.Errorf("tell the list from others: %w", err)
	}
	return append([]byte(m.Descriptor().FullName()+"\n"), raw...), nil
}

// anyText takes every text.
func anyText(text string) (string, error) { return text, nil }

// anyNumber checks the text of a number from 1.
func anyNumber(text string) (string, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < 1 {
		return "", errors.New("not a number from 1")
	}
	return text, nil
}

// pageSize is how many rows a request asks for.
func pageSize(asked int32) int {
	if asked == 0 {
		return defaultPageSize
	}
	return int(asked)
}

// next is the token of the page after a row, not readable so that nobody builds one.
func (l list[Last]) next(last Last) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.mark(string(last)) + string(last)))
}

// maxPageBytes bounds a page besides its size: clients take 4 MiB at a time unless told
// otherwise, and one site may have 100 KiB.
const maxPageBytes = 2 << 20

// pageOf shows rows until the page is full, and returns the token of the next page, empty
// on the last one. The rows are those of the list from its place on, one more than its
// size.
func pageOf[Row any, Message proto.Message, Last ~string](l list[Last], rows []Row, show func(Row) Message, last func(Row) Last) (page []Message, next string) {
	bytes := 0
	for i, row := range rows {
		message := show(row)
		bytes += proto.Size(message)
		if i == l.size || i > 0 && bytes > maxPageBytes {
			return page, l.next(last(rows[i-1]))
		}
		page = append(page, message)
	}
	return page, ""
}

// markLength is that of what a token begins with.
const markLength = 8

// mark is what the token of a row in this list begins with.
func (l list[Last]) mark(last string) string {
	sum := sha256.Sum256(append(slices.Clip(l.asked), "\n"+last...))
	return hex.EncodeToString(sum[:markLength/2])
}

// read reads a token; the first page's is empty.
func (l list[Last]) read(token string, parse func(string) (Last, error)) (last Last, err error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return "", err
	}
	if len(raw) < markLength || l.mark(string(raw[markLength:])) != string(raw[:markLength]) {
		return "", errOtherList
	}
	return parse(string(raw[markLength:]))
}

// readOrder reads an order; newest first is the default.
func readOrder(problems *lifecycle.Violations, order string) (oldestFirst bool) {
	switch strings.Join(strings.Fields(order), " ") {
	case "", "create_time desc":
		return false
	case "create_time", "create_time asc":
		return true
	}
	problems.Add("order_by", "must be create_time or create_time desc")
	return false
}
