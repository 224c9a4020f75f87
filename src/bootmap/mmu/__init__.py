"""The hardware: descriptors, walks, attributes, permissions and faults.  Knows no Linux.

    Regs --regime_of--> Regime --walk(memory, va)--> Walk(steps, outcome) --check(access)--> Allowed | Fault
                               --snapshot(memory)--> Map --translate(vas)--> Translations
                                                         --ranges()--------> Ranges
                                                         --mapping(pa)-----> Ranges

``walk`` is one address with every step, ``bulk`` is its numpy twin for many addresses or all; both read the
formats from the tables in ``spec`` and ask ``attributes`` what a descriptor means.  ``describe`` has the words.
"""
