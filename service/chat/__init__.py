"""What apps that speak OpenAI's wire ask for: tags or a summary of an article that stands in their messages.

prompt.py   which part of the messages is the article     schema.py   which answer a JSON schema asks for
asked.py    what is asked, by all of it                   answer.py   the answer in the form that was asked for
"""
