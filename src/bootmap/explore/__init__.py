"""The page of ``bootmap explore``: one HTML file that shows a boot's memory step by step and says why.

    Replay ------- document.side_of ----------+
                                              +-- Side -- page.page_of --> board.html
    image states - image_document.image_side -+

A document (schema ``bootmap.explore/1``) holds results only: stages, memblock's calls, the journal of table writes with
their causes, and the decoded meaning of every distinct descriptor.  The page replays the journal in the browser and
looks up the rest, so that it cannot say anything else than ``predict`` and ``explain`` do.  The front end's source is
in ``web/`` at the top of the repository; ``page.html`` here is built from it, never written by hand.
"""
